"""`python -m harness.cli` is the command `harness`."""

import sys

from harness.cli.main import main

sys.exit(main())
