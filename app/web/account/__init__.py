"""The pages of an account: register, log in, second factor, recover, own record, settings."""
