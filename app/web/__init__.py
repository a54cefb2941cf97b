"""What people see in a browser: the page at ``/``, the documentation at ``/docs``, the OpenAPI document."""
