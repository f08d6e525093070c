"""HTTP as it meets the world: GraphQL over HTTP, SSE and WebSocket; CloudEvents; webhooks."""
