"""Who the user is to an AxonFlow agent: credentials, Community SaaS registration and recovery, licence token."""
