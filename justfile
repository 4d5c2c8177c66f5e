# The commands of daily work; `just` alone lists them.
#
# `uv run` creates the environment at the first call and keeps it up to date, so no recipe needs a
# set-up step. Without `just` on the PATH: `uv run just check`.

set positional-arguments

# How many processes run the tests: `just workers=8 test`.
workers := "2"
parallel := "-n " + workers + " --dist worksteal"

[private]
default:
    @just --list --unsorted

# Everything that reads the code and runs none of it: layout, lint, types, layers, generated docs.
check:
    uv run ruff format --check
    uv run ruff check
    uv run mypy
    uv run lint-imports
    uv run python docs/generate.py --check

# Lay out all Python files and sort their imports.
format:
    uv run ruff check --select I --fix
    uv run ruff format

# The tests for while you work: under a minute on two cores. Arguments go to pytest.
fast *arguments:
    uv run pytest {{ parallel }} -m "not slow and not browser" "$@"

# All tests. Arguments go to pytest: `just test -k ledger`.
test *arguments:
    uv run pytest {{ parallel }} "$@"

# All tests, and which lines and branches they reach; fails below the floor in pyproject.toml.
coverage *arguments:
    uv run pytest {{ parallel }} --cov "$@"

# Compare the committed leaderboards with what their records give.
boards:
    HARNESS_LEADERBOARDS=leaderboards uv run harness leaderboard --check

# Write the generated documentation again.
docs:
    uv run python docs/generate.py

# Run the smoke profile of every scenario in a scratch folder; leave out those whose data is absent.
smoke:
    #!/usr/bin/env bash
    set -euo pipefail
    scratch="$(mktemp -d)"
    trap 'rm -rf "$scratch"' EXIT
    # Nothing computed here may be found by a later run, or end up among the committed boards.
    export HARNESS_RUNS="$scratch/runs" HARNESS_LEADERBOARDS="$scratch/leaderboards"
    export HARNESS_CACHE="$scratch/cache"
    uv run harness run scenarios/smoke.yaml
    for scenario in scenarios/*.yaml; do
        grep -q '^  smoke:' "$scenario" || continue
        plan="$scratch/plan"
        if ! uv run harness plan "$scenario" --profile smoke >"$plan" 2>&1 &&
            grep -q 'Set HARNESS_DATA' "$plan"; then
            echo "skipped: the data of $scenario is not here"
            continue
        fi
        uv run harness run "$scenario" --profile smoke
    done

# Build the wheel, install it into an empty environment, and use it in an empty folder.
wheel:
    #!/usr/bin/env bash
    set -euo pipefail
    scratch="$(mktemp -d)"
    trap 'rm -rf "$scratch"' EXIT
    uv build --quiet --out-dir "$scratch/dist"
    uv venv --quiet "$scratch/environment"
    uv pip install --quiet --python "$scratch/environment" "$scratch"/dist/*.whl
    mkdir "$scratch/empty"
    cd "$scratch/empty"
    PATH="$scratch/environment/bin:$PATH"
    harness --version
    harness plugins
    harness run smoke

# What the next release will say in CHANGELOG.md.
changelog:
    uv run towncrier build --draft
