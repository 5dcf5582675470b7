"""Cross-checks: real devices against each other, with every packet between them in our hands."""
