"""What the functional tests are made of; tests import it through harness.py."""
