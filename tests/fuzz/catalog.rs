//! Everything callable: every function and procedure of the extension, from the catalog.

use anyhow::Result;
use tokio_postgres::{Client, Row};

/// A function or a procedure.
#[derive(Debug)]
pub struct Function {
    pub name: String,
    pub is_procedure: bool,
    pub parameters: Vec<Parameter>,
    /// Whether it refuses a read-only transaction.
    pub writes: bool,
}

/// A parameter.
#[derive(Debug)]
pub struct Parameter {
    pub name: String,
    /// Its type in SQL.
    pub kind: String,
    pub has_default: bool,
}

/// All functions and procedures of the extension.
///
/// # Errors
/// If the session is gone.
pub async fn functions(client: &Client) -> Result<Vec<Function>> {
    let sql = "select p.proname, p.prokind = 'p', coalesce(p.proargnames, '{}'), \
                      array(select format_type(t, null) from unnest(p.proargtypes) with ordinality as a (t, n) order by n), \
                      (p.pronargs - p.pronargdefaults)::integer \
               from pg_proc as p \
               join pg_depend as d on d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e' \
               join pg_extension as x on x.oid = d.refobjid and x.extname = 'engine' \
               order by p.proname";
    let rows = client.query(sql, &[]).await?;
    let mut functions: Vec<Function> = rows.iter().map(function).collect();
    for function in &mut functions {
        function.writes = writes(client, function).await?;
    }
    Ok(functions)
}

fn function(row: &Row) -> Function {
    let names: Vec<String> = row.get(2);
    let kinds: Vec<String> = row.get(3);
    let required: i32 = row.get(4);
    let parameters = names.into_iter().zip(kinds).enumerate();
    let parameters = parameters.map(|(place, (name, kind))| Parameter {
        name,
        kind,
        has_default: place >= required as usize,
    });
    Function {
        name: row.get(0),
        is_procedure: row.get(1),
        parameters: parameters.collect(),
        writes: false,
    }
}

/// Every function first checks whether it may write, so that a call with only nulls shows whether it does.
async fn writes(client: &Client, function: &Function) -> Result<bool> {
    if function.is_procedure {
        return Ok(true);
    }
    let nulls = function.parameters.iter();
    let nulls: Vec<String> = nulls
        .map(|parameter| format!("null::{}", parameter.kind))
        .collect();
    let call = format!("select {}({})", function.name, nulls.join(", "));
    client.batch_execute("begin read only").await?;
    let answer = client.batch_execute(&call).await;
    client.batch_execute("rollback").await?;
    let code = answer
        .err()
        .and_then(|error| error.code().map(|code| code.code().to_owned()));
    Ok(code.as_deref() == Some("25006"))
}
