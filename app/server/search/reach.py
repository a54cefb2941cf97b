"""The partitions that a search looks in: one, or several with what is denied in each."""

from __future__ import annotations

import msgspec

from app.server.access import NOTHING, Access


class Reach(msgspec.Struct, frozen=True):
    """``denied[i]`` are the labels that may not be seen in ``patients[i]``; ``seqs`` is given for the later pages of a
    walk.

    ``tenant`` is set when the search goes over every patient of a tenant instead.
    """

    patients: tuple[int, ...]
    denied: tuple[int, ...]
    seqs: tuple[int, ...] | None = None
    tenant: int | None = None

    @property
    def single(self) -> bool:
        """Whether there is one partition, which is the hot path."""
        return self.tenant is None and self.seqs is None and len(self.patients) == 1

    @property
    def alike(self) -> bool:
        """Whether there are several and the same is denied in all, as for a professional who treats many."""
        return len(self.patients) > 1 and self.seqs is None and len(set(self.denied)) == 1


def reach_of(access: Access, patients: tuple[int, ...], action: int) -> Reach:
    """Those of ``patients`` that the caller may see at all."""
    if len(patients) == 1:
        labels = access.denied_labels(patients[0], action)
        return Reach((), ()) if labels == NOTHING else Reach(patients, (labels,))
    pairs = [(each, labels) for each in patients if (labels := access.denied_labels(each, action)) != NOTHING]
    return Reach(tuple([each for each, _ in pairs]), tuple([labels for _, labels in pairs]))
