"""The self-management profile on a page: what somebody answered, in several dimensions, now and before."""
