"""What the demo, the smoke test and the benchmarks share; no part of the product."""
