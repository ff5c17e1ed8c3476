"""Several boards that learn one model: accuracy by boards and averages, and a model of their speed."""
