"""Maximum flow in a small network: what team matching rests on."""

from collections import deque
from collections.abc import Hashable


class Network:
    """Directed edges with whole capacities. Equal calls in equal order give equal flows."""

    def __init__(self) -> None:
        self._left: dict[Hashable, dict[Hashable, int]] = {}
        self._capacity: dict[tuple[Hashable, Hashable], int] = {}

    def edge(self, source: Hashable, target: Hashable, capacity: int) -> None:
        self._left.setdefault(source, {})[target] = capacity
        self._left.setdefault(target, {}).setdefault(source, 0)
        self._capacity[source, target] = capacity

    def carried(self, source: Hashable, target: Hashable) -> int:
        """Flow on an edge after `maximise`; 0 where there is no such edge."""
        capacity = self._capacity.get((source, target), 0)
        return capacity - self._left[source][target] if capacity else 0

    def maximise(self, source: Hashable, sink: Hashable) -> int:
        """Edmonds and Karp: shortest augmenting paths until none is left. Returns the flow's value."""
        total = 0
        while path := self._path(source, sink):
            amount = min(self._left[a][b] for a, b in path)
            for a, b in path:
                self._left[a][b] -= amount
                self._left[b][a] += amount
            total += amount
        return total

    def _path(self, source: Hashable, sink: Hashable) -> list[tuple[Hashable, Hashable]]:
        came: dict[Hashable, Hashable] = {source: source}
        queue = deque([source])
        while queue and sink not in came:
            node = queue.popleft()
            for neighbour, left in self._left.get(node, {}).items():
                if left > 0 and neighbour not in came:
                    came[neighbour] = node
                    queue.append(neighbour)
        path: list[tuple[Hashable, Hashable]] = []
        node = sink
        while node in came and node != source:
            path.append((came[node], node))
            node = came[node]
        return path[::-1]
