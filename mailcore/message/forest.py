"""Trees that grow and are cut: who descends from whom, in logarithmic time. For the links of RFC 5256 §3.

A link-cut tree (Sleator and Tarjan, 1983) without change of root: each path that was asked for last is kept as a splay tree,
so that a chain of a hundred thousand replies costs no more than a short one.
"""

NONE = -1


class Forest:
    """Nodes by number, with their parents; a node is added as a tree of its own."""

    __slots__ = ("_left", "_right", "_up", "parents")

    def __init__(self) -> None:
        self.parents: list[int] = []  # NONE for a root
        self._left: list[int] = []
        self._right: list[int] = []
        self._up: list[int] = []  # in the splay tree, or from the top of one to the node above its path

    def add(self) -> int:
        """Add a node and return its number."""
        for column in (self.parents, self._left, self._right, self._up):
            column.append(NONE)
        return len(self.parents) - 1

    def link(self, parent: int, child: int) -> bool:
        """Put a root below a node; return False, and change nothing, when that node descends from it."""
        if parent == child or (self.parents[parent] != NONE and self._root(parent) == child):
            return False
        self._splay(child)
        self._up[child] = self.parents[child] = parent
        return True

    def cut(self, child: int) -> None:
        """Make a node a root again."""
        if self.parents[child] == NONE:
            return
        self._access(child)
        above = self._left[child]
        self._left[child] = self._up[above] = NONE
        self.parents[child] = NONE

    def _root(self, node: int) -> int:
        self._access(node)
        while self._left[node] != NONE:
            node = self._left[node]
        self._splay(node)
        return node

    def _access(self, node: int) -> None:
        """Make the way from the root to a node one path, with the node on top of its splay tree."""
        last, at = NONE, node
        while at != NONE:
            self._splay(at)
            self._right[at] = last
            last, at = at, self._up[at]
        self._splay(node)

    def _is_top(self, node: int) -> bool:
        up = self._up[node]
        return up == NONE or (self._left[up] != node and self._right[up] != node)

    def _splay(self, node: int) -> None:
        while not self._is_top(node):
            up = self._up[node]
            if not self._is_top(up):
                same = (self._left[self._up[up]] == up) == (self._left[up] == node)
                self._rotate(up if same else node)
            self._rotate(node)

    def _rotate(self, node: int) -> None:
        up = self._up[node]
        above = self._up[up]
        if not self._is_top(up):
            side = self._left if self._left[above] == up else self._right
            side[above] = node
        near, far = (self._left, self._right) if self._left[up] == node else (self._right, self._left)
        moved = far[node]
        near[up], far[node] = moved, up
        if moved != NONE:
            self._up[moved] = up
        self._up[up], self._up[node] = node, above
