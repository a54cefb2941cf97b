"""The record of all sources together, and the files of it to take along."""
