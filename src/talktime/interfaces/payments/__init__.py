"""Where card gateways report what happened: `POST /v1/gateways/<name>/events`."""
