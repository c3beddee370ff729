# Every command of the project. `make` alone lists them. The work is done by `kneewise` (bot/cli.py);
# here it only gets its Python environment, which costs a blink when it is already there.
.POSIX:
.SUFFIXES:
.PHONY: help run chat test lint proof bench train lock format setup clean

bin = .venv/bin
environment = @sh deploy/environment.sh
checks = @sh deploy/environment.sh dev

help:
	@echo "make run     start Kneewise on http://127.0.0.1:5005 (choose with PORT= and HOST=)"
	@echo "make chat    talk to it in this terminal (ARGS='--url http://host:port' for one that runs already)"
	@echo "make test    everything that must hold: lint, proof and tests"
	@echo "make lint    code style, types, and mistakes in the knowledge files"
	@echo "make proof   check the rules over every case they can tell apart"
	@echo "make bench   measure it beside stock Rasa, and write docs/benchmarks.md"
	@echo "make train   train the model now (make run does it when needed)"
	@echo "make format  put the code in its standard form"
	@echo "make lock    resolve the requirements anew (needs uv; UPGRADE=1 takes newer versions)"
	@echo "make setup   the Python environment with everything that make test needs"
	@echo "make clean   remove the environment, the models and reports; conversations in var/ stay"

setup:
	$(checks)

run:
	$(environment)
	@exec $(bin)/kneewise run $(ARGS)

chat:
	$(environment)
	@exec $(bin)/kneewise chat $(ARGS)

train:
	$(environment)
	@$(bin)/kneewise train $(ARGS)

proof:
	$(environment)
	@$(bin)/kneewise proof $(ARGS)

bench:
	$(environment)
	@$(bin)/kneewise bench $(ARGS)

lint:
	$(checks)
	@$(bin)/ruff check --quiet .
	@$(bin)/ruff format --check --quiet .
	@$(bin)/mypy
	@$(bin)/kneewise lint

# pytest comes last, so that its closing line ends the output.
test: lint proof
	@$(bin)/python -m pytest -q $(ARGS)

format:
	$(checks)
	@$(bin)/ruff check --fix --quiet .
	@$(bin)/ruff format .

lock:
	@sh deploy/lock.sh

clean:
	rm -rf .venv models results graph.html .rasa .mypy_cache .pytest_cache .ruff_cache .hypothesis bench/.work *.egg-info
