"""What `axonflow-hooks doctor` looks at: plain functions, one a finding, in modules by subject."""
