"""The GraphQL schema: types by owning service, queries, mutations, subscription."""
