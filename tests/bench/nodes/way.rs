//! The ways to nodes that are compared.

/// How calls get to their node.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// There is one server.
    Direct,
    /// The driver knows so many nodes.
    Driver(usize),
    /// A pooler knows them.
    Pooler(usize),
    /// A database in front knows them, by PL/Proxy.
    Proxy(usize),
}

impl Way {
    pub(super) const MOST_NODES: usize = 3;

    pub(super) const ALL: [Self; 9] = [
        Self::Direct,
        Self::Driver(1),
        Self::Driver(2),
        Self::Driver(3),
        Self::Pooler(1),
        Self::Pooler(2),
        Self::Pooler(3),
        Self::Proxy(1),
        Self::Proxy(3),
    ];

    pub(super) fn name(self) -> String {
        match self {
            Self::Direct => "Engine".to_owned(),
            Self::Driver(nodes) => format!("Cluster, {nodes}"),
            Self::Pooler(nodes) => format!("PgBouncer, {nodes}"),
            Self::Proxy(nodes) => format!("PL/Proxy, {nodes}"),
        }
    }

    pub(super) fn is_proxy(self) -> bool {
        matches!(self, Self::Proxy(_))
    }

    pub(super) fn nodes(self) -> usize {
        match self {
            Self::Direct => 1,
            Self::Driver(nodes) | Self::Pooler(nodes) | Self::Proxy(nodes) => nodes,
        }
    }

    /// The number of the node that has a shard.
    pub(super) fn node_of(self, shard: u16) -> usize {
        usize::from(shard) % self.nodes()
    }
}
