"""Which commands and operators of MongoDB the project sends, and where MongoDB documents them."""
