"""SAMPLE data for demonstrations and tests: invented prices, people and calls, made by seeded generators.

Nothing here is a quote, a person or a call. Calling codes and mobile prefixes are real (from the metadata of
the phonenumbers package, Apache-2.0), prices and names are made up, and called numbers lie in ranges that
regulators keep for fiction where there are such. One seed gives the same data every time.
"""
