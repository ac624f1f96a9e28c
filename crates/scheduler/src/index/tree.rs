//! The pairs of free amounts in a cell, in a balanced tree.
//!
//! A node is one pair `(x, y)` that at least one worker has free, with the queue of those workers.
//! Nodes are ordered by `(y, x)`, and each knows the greatest `x` below it. So *the greatest `y` with
//! at least this `x`* takes one walk down, and *the least `y` of at least this, with at least that
//! `x`* takes two, whatever the pairs are. An AVL tree of `n` pairs is at most `1.44 log2 n` high.
//!
//! Workers that have the same free share a node, so in a fleet of few shapes a change is usually no
//! change of the tree.

use super::Probes;

/// No node, no entry.
pub(crate) const NIL: u32 = u32::MAX;

/// First and last of a queue that is linked through its members.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ends {
    pub(crate) head: u32,
    pub(crate) tail: u32,
}

impl Ends {
    pub(crate) const EMPTY: Self = Self { head: NIL, tail: NIL };
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    pub(crate) x: u32,
    pub(crate) y: u32,
    /// The greatest `x` on the left, and on the right: to look at a node is to know where to go.
    left_x: u32,
    right_x: u32,
    left: u32,
    right: u32,
    height: u32,
    /// The workers that have this much free, first in first out.
    pub(crate) queue: Ends,
}

impl Node {
    fn key(&self) -> u64 {
        key(self.x, self.y)
    }

    fn max_x(&self) -> u32 {
        self.x.max(self.left_x).max(self.right_x)
    }
}

fn key(x: u32, y: u32) -> u64 {
    u64::from(y) << 32 | u64::from(x)
}

/// The nodes of all trees of a view.
#[derive(Debug, Default)]
pub(crate) struct Nodes {
    nodes: Vec<Node>,
    free: Vec<u32>,
}

impl Nodes {
    pub(crate) fn at(&self, node: u32) -> &Node {
        &self.nodes[node as usize]
    }

    pub(crate) fn at_mut(&mut self, node: u32) -> &mut Node {
        &mut self.nodes[node as usize]
    }

    fn new_node(&mut self, x: u32, y: u32) -> u32 {
        let node = Node {
            x,
            y,
            left_x: 0,
            right_x: 0,
            left: NIL,
            right: NIL,
            height: 1,
            queue: Ends::EMPTY,
        };
        if let Some(at) = self.free.pop() {
            self.nodes[at as usize] = node;
            return at;
        }
        self.nodes.push(node);
        // Freeing must find room without asking for memory.
        self.free.reserve(self.nodes.len() - self.free.len());
        u32::try_from(self.nodes.len() - 1).expect("fewer pairs than workers")
    }

    /// The node of the pair, made where there is none.
    pub(crate) fn obtain(&mut self, root: &mut u32, x: u32, y: u32) -> u32 {
        let key = key(x, y);
        let mut at = *root;
        while at != NIL {
            let node = self.at(at);
            match key.cmp(&node.key()) {
                std::cmp::Ordering::Less => at = node.left,
                std::cmp::Ordering::Greater => at = node.right,
                std::cmp::Ordering::Equal => return at,
            }
        }
        let new = self.new_node(x, y);
        *root = self.insert(*root, new);
        new
    }

    fn insert(&mut self, at: u32, new: u32) -> u32 {
        if at == NIL {
            return new;
        }
        if self.at(new).key() < self.at(at).key() {
            let left = self.insert(self.at(at).left, new);
            self.at_mut(at).left = left;
        } else {
            let right = self.insert(self.at(at).right, new);
            self.at_mut(at).right = right;
        }
        self.balance(at)
    }

    /// Takes the pair's node out, whose queue must be empty.
    pub(crate) fn remove(&mut self, root: &mut u32, node: u32) {
        debug_assert_eq!(self.at(node).queue.head, NIL);
        *root = self.cut(*root, self.at(node).key());
        self.free.push(node);
    }

    fn cut(&mut self, at: u32, key: u64) -> u32 {
        let Node { left, right, .. } = *self.at(at);
        match key.cmp(&self.at(at).key()) {
            std::cmp::Ordering::Less => self.at_mut(at).left = self.cut(left, key),
            std::cmp::Ordering::Greater => self.at_mut(at).right = self.cut(right, key),
            std::cmp::Ordering::Equal if left == NIL => return right,
            std::cmp::Ordering::Equal if right == NIL => return left,
            std::cmp::Ordering::Equal => {
                let (rest, least) = self.cut_least(right);
                self.at_mut(least).left = left;
                self.at_mut(least).right = rest;
                return self.balance(least);
            }
        }
        self.balance(at)
    }

    fn cut_least(&mut self, at: u32) -> (u32, u32) {
        let Node { left, right, .. } = *self.at(at);
        if left == NIL {
            return (right, at);
        }
        let (rest, least) = self.cut_least(left);
        self.at_mut(at).left = rest;
        (self.balance(at), least)
    }

    fn height(&self, at: u32) -> u32 {
        if at == NIL { 0 } else { self.at(at).height }
    }

    /// The greatest `x` of the tree; 0 of an empty one.
    pub(crate) fn greatest_x(&self, at: u32) -> u32 {
        if at == NIL { 0 } else { self.at(at).max_x() }
    }

    /// With one look at the node, as whoever asks for one asks for both.
    fn height_and_greatest_x(&self, at: u32) -> (u32, u32) {
        if at == NIL {
            return (0, 0);
        }
        let node = self.at(at);
        (node.height, node.max_x())
    }

    fn refresh(&mut self, at: u32) {
        let Node { left, right, .. } = *self.at(at);
        let (high_left, left_x) = self.height_and_greatest_x(left);
        let (high_right, right_x) = self.height_and_greatest_x(right);
        let node = self.at_mut(at);
        (node.height, node.left_x, node.right_x) = (1 + high_left.max(high_right), left_x, right_x);
    }

    fn balance(&mut self, at: u32) -> u32 {
        let Node { left, right, .. } = *self.at(at);
        let (high_left, left_x) = self.height_and_greatest_x(left);
        let (high_right, right_x) = self.height_and_greatest_x(right);
        if high_left > high_right + 1 {
            let Node { left: outer, right: inner, .. } = *self.at(left);
            if self.height(inner) > self.height(outer) {
                self.at_mut(at).left = self.rotate_left(left);
            }
            return self.rotate_right(at);
        }
        if high_right > high_left + 1 {
            let Node { left: inner, right: outer, .. } = *self.at(right);
            if self.height(inner) > self.height(outer) {
                self.at_mut(at).right = self.rotate_right(right);
            }
            return self.rotate_left(at);
        }
        let node = self.at_mut(at);
        (node.height, node.left_x, node.right_x) = (1 + high_left.max(high_right), left_x, right_x);
        at
    }

    fn rotate_left(&mut self, at: u32) -> u32 {
        let up = self.at(at).right;
        self.at_mut(at).right = self.at(up).left;
        self.at_mut(up).left = at;
        self.refresh(at);
        self.refresh(up);
        up
    }

    fn rotate_right(&mut self, at: u32) -> u32 {
        let up = self.at(at).left;
        self.at_mut(at).left = self.at(up).right;
        self.at_mut(up).right = at;
        self.refresh(at);
        self.refresh(up);
        up
    }

    /// The greatest `y` of the tree; 0 of an empty one.
    pub(crate) fn greatest_y(&self, root: u32) -> u32 {
        let mut greatest = 0;
        let mut at = root;
        while at != NIL {
            greatest = self.at(at).y;
            at = self.at(at).right;
        }
        greatest
    }

    /// The last pair with at least `x`: of those, the one with the greatest `y`, then `x`.
    pub(crate) fn last(&self, root: u32, x: u32, probes: &mut Probes) -> Option<u32> {
        let mut at = root;
        while at != NIL {
            probes.one();
            let node = self.at(at);
            if node.right_x >= x {
                at = node.right;
            } else if node.x >= x {
                return Some(at);
            } else if node.left_x >= x {
                at = node.left;
            } else {
                break;
            }
        }
        None
    }

    /// The first pair with at least `x` and at least `y`: the one with the least `y`, then `x`.
    /// `x` is at least 1. If there is none, that takes one walk.
    pub(crate) fn first(&self, root: u32, x: u32, y: u32, probes: &mut Probes) -> Option<u32> {
        // Down to the least `y` that will do. Where the walk turns left, the node and all right of
        // it have enough `y`; the lowest such node that has enough `x`, itself or on its right,
        // leads to the pair.
        let mut found = None;
        let mut at = root;
        while at != NIL {
            probes.one();
            let node = self.at(at);
            if node.y < y {
                at = if node.right_x >= x { node.right } else { NIL };
                continue;
            }
            if node.x >= x || node.right_x >= x {
                found = Some(at);
            }
            at = if node.left_x >= x { node.left } else { NIL };
        }
        let mut at = found?;
        if self.at(at).x >= x {
            return Some(at);
        }
        at = self.at(at).right;
        loop {
            probes.one();
            let node = self.at(at);
            if node.left_x >= x {
                at = node.left;
            } else if node.x >= x {
                return Some(at);
            } else {
                at = node.right;
            }
        }
    }
}
