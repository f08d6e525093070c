"""One GraphQL view of each engagement; the way in for outsiders."""
