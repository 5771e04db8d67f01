"""What people and programs read: questions and answers, pages, metrics, the OpenAPI document."""
