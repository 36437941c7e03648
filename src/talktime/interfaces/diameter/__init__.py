"""The Diameter door: Ro and Gy credit control (RFC 8506 over RFC 6733) for switches that speak it."""
