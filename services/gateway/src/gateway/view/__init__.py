"""What a client sees of an engagement: fold(view, entry) -> view, pure, one module per owning service."""

from gateway.view.fold import VIEW_VERSION, encode, fold, fold_all, fold_into, new_view, seen
from gateway.view.parts import View

__all__ = ["VIEW_VERSION", "View", "encode", "fold", "fold_all", "fold_into", "new_view", "seen"]
