"""What is posted to operators' addresses: questions of access, and events."""
