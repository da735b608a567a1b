-- Tables, types and views live in schema engine; the functions live where the extension is created.
create schema engine;
comment on schema engine is 'Tables, types and views of the run engine; its functions are engine_* in the schema of the extension';
