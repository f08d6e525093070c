"""The fault harness: the whole system under a seeded load while its parts are killed, then judged."""
