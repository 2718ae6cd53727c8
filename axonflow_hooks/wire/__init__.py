"""The wire contract of an AxonFlow agent: the only words that clients and the embedded agent share."""
