"""Pure algorithms of migration: types, strict conversion, load order, digests."""
