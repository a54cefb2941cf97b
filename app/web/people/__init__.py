"""The pages about people: choose a record, who helps me, invitations, a child's record, log-in elsewhere."""
