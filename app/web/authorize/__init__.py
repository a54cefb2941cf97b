"""The pages between an app's request and its code: which record, which data, yes or no; and the page of apps."""
