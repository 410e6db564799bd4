"""The dashboard's server: pages of the report's sections, live by server-sent events, and what people may do there."""
