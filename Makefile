# `make` without a target lists the targets. They install nothing outside this folder, except, as root, Chromium and SoftHSM (`make test`) and qemu (`make soak`).
SHELL = /bin/sh
MAKEFLAGS += --no-print-directory
PYTHON = $(firstword $(shell for p in python3 python3.13 python3.14 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p; done))
RUN = .venv/bin/python
WITH_STACK = $(addprefix tests/,stack browser/journeys client/dongle/test_stack.py client/bundles client/sample)
WITH_BROWSER = $(addprefix tests/,browser/page browser/wizard service/simulation unit/fuzz)
WITHOUT = $(addprefix --ignore=,$(WITH_STACK) $(WITH_BROWSER))
LOCK = $(CURDIR)/.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header
BUILD = $(CURDIR)/.local/build
FUNCTIONS = public_api:PublicApi process_request:ProcessRequest send_response:SendResponse mail_feedback:MailFeedback publish_events:PublishEvents send_webhook:SendWebhook
CHECKED = shared functions client/keyferry client/bundles docs/sample admin/keyferry_admin courier/keyferry_courier local benchmarks docs/operations tests/soak

.DEFAULT_GOAL = help
.PHONY: help run demo test coverage soak audit lint build build-sam build-local client wheelhouse release settings deploy bench docs lighthouse clean lock formats chromium softhsm qemu

help:  ## list these targets
	@sed -n 's/^\([a-z]*\):.*  ## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18

run: VENDOR = $(CURDIR)/vendor
run: .venv/installed build-local  ## page, API, mail and a demonstration license on this computer (PORT=8787)
	@$(RUN) -m local.run --vendor vendor

demo: .venv/installed build-local  ## the whole journey by itself, each step timed
	@$(RUN) -m local.demo

# Four runs in parallel, because a test often waits for another process. The last one takes every folder that the others
# do not name.
test: .venv/tools .venv-sam/installed build-local chromium softhsm  ## everything that is checked before a change goes in
	@$(RUN) -m pytest $(WITH_STACK) >.local/tests-stack 2>&1 & stack=$$!; \
		$(RUN) -m pytest $(WITH_BROWSER) >.local/tests-browser 2>&1 & browser=$$!; \
		$(RUN) -m pytest $(WITHOUT) tests/service >.local/tests-service 2>&1 & service=$$!; \
		$(RUN) -m pytest $(WITHOUT) --ignore=tests/service; rest=$$?; \
		wait $$stack; stack=$$?; wait $$browser; browser=$$?; wait $$service; service=$$?; \
		cat .local/tests-stack .local/tests-browser .local/tests-service; \
		exit $$((stack | browser | service | rest))

# Apart from `make test`, since measuring slows each test. Tests with a stack or a browser add nothing to it but time.
coverage: .venv/tools build-local softhsm  ## branch coverage of the tests without stack and browser; at least 95 %
	@$(RUN) -m coverage run -m pytest $(WITHOUT)
	@$(RUN) -m coverage report

soak: .venv/tools .venv-sam/installed .venv-soak/installed .venv-lambda/installed build-local qemu  ## what takes hours: faults, races, load, attacks, fuzzing, mutants
	@$(RUN) -m tests.service.simulation --seeds 10000
	@$(RUN) -m pytest -m soak
	@$(RUN) -m pytest tests/stack/test_races.py --rounds 20 --machines 200
	@$(RUN) -m pytest tests/stack/test_admin_doctor.py --one-by-one
	@$(RUN) -m pytest tests/soak/sam_deploy.py --timeout 900
	@$(RUN) -m tests.soak.brown_out
	@$(RUN) -m tests.soak.load
	@$(RUN) -m tests.soak.load.growth
	@$(RUN) -m pytest -m attack --second-s3
	@$(RUN) -m tests.soak.abused_passes --passes 100
	@$(RUN) -m tests.stack.privilege
	@$(RUN) -m tests.soak.http_api
	@$(RUN) -m pytest tests/soak/lambda_runtime/functions.py --arm64
	@.venv-soak/bin/python -m tests.unit.fuzz --minutes 10
	@$(RUN) -m tests.soak.mutation.run

audit: .venv/tools .venv-audit/installed  ## what checkov and parliament say of the template is in docs/operations/checkov.md
	@$(RUN) -m tests.soak.audit

lint: .venv/tools .venv-sam/installed requirements/page/node_modules/.package-lock.json  ## style, types and the template (needs npm)
	@.venv/bin/ruff check --quiet
	@.venv/bin/ruff format --quiet --check
	@.venv/bin/mypy $(CHECKED)
	@$(RUN) -m tests.browser.page.check_vendor
	@requirements/page/node_modules/.bin/tsc --project requirements/page
	@requirements/page/node_modules/.bin/eslint --config requirements/page/eslint.config.js static-site tests
	@.venv/bin/cfn-lint template.yaml docs/operations/web-acl.yaml
	@SAM_CLI_TELEMETRY=0 .venv-sam/bin/sam validate --lint --region us-east-1 >/dev/null

build: .venv/installed  ## every artifact of template.yaml for AWS with SAM; TARGET=local: for this machine
	@$(MAKE) build-$(or $(TARGET),sam)

# SAM's cache knows nothing of the vendor's own sentences.
build-sam: .venv-sam/installed
	@PYTHON="$(CURDIR)/$(RUN)" VENDOR="$(CURDIR)/vendor" SAM_CLI_TELEMETRY=0 \
		.venv-sam/bin/sam build --parallel $(if $(wildcard vendor),--no-cached,--cached)

# Calls the Makefiles that SAM calls, without SAM's own second.
build-local: .venv/installed
	@test -d "$(BUILD)" || echo "Building the layer and the functions." >&2
	@$(MAKE) -C shared build-SharedLayer ARTIFACTS_DIR="$(BUILD)/shared" PYTHON="$(CURDIR)/$(RUN)" PLATFORM= \
		VENDOR="$(VENDOR)" >/dev/null
	@for pair in $(FUNCTIONS); do \
		folder=functions/$${pair%%:*}; rm -rf "$(BUILD)/$$folder"; \
		$(MAKE) -C $$folder build-$${pair##*:}Function ARTIFACTS_DIR="$(BUILD)/$$folder" >/dev/null || exit 1; \
	done

client: .venv/tools  ## the offline machine's command as one file, dist/keyferry (KEYS=keys.json: yours inside)
	@$(RUN) -m bundles.single_file $(if $(KEYS),--keys "$(KEYS)") $(if $(OUTPUT),--output "$(OUTPUT)")

wheelhouse: .venv/tools  ## the client and all it needs as one zip, to install without a network
	@$(RUN) -m bundles.wheelhouse $(if $(OUTPUT),--output "$(OUTPUT)")

release: .venv/tools .venv-sbom/installed  ## all that is published beside a tag, with SBOMs and SHA-256 sums, in dist/
	@$(RUN) -m bundles.release $(if $(OUTPUT),--output "$(OUTPUT)")

settings: samconfig.toml vendor/vendor.json  ## your own settings, in files that git ignores; overwrites nothing

samconfig.toml:
	@cp docs/operations/samconfig.example.toml $@ && echo "$@ is new. Write your settings into it." >&2

vendor/vendor.json:
	@mkdir -p vendor && cp static-site/vendor.json $@ && echo "$@ is new. Write into it who you are." >&2

deploy: build-sam  ## to your AWS account (STACK=, REGION=, PROFILE=); settings: `make settings` and docs/operations/
	@$(RUN) docs/operations/deploy.py $(if $(STACK),--stack "$(STACK)") $(if $(REGION),--region "$(REGION)") \
		$(if $(PROFILE),--profile "$(PROFILE)")

bench: .venv/tools .venv-bench/installed build-local  ## counted calls, times beside their goals (PARTS=desk, large, ...)
	@$(RUN) -m benchmarks $(PARTS)
	@$(if $(PARTS),,$(RUN) -m benchmarks.day)

docs: .venv-docs/installed  ## the API reference of the client, in .local/site
	@NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs build --quiet --strict --config-file docs/mkdocs.yml

lighthouse: .venv/tools tests/soak/lighthouse/node_modules/.package-lock.json chromium  ## what Lighthouse says about the page (needs npm)
	@$(RUN) -m tests.soak.lighthouse.measure

clean:  ## delete the local stack, its licenses and everything that was built
	@rm -rf .local .aws-sam .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +

formats: .venv/tools  ## write dates, lists and plurals of each language from CLDR
	@$(RUN) docs/make_formats.py

lock: .venv/tools  ## update the lock files from their .in files; they name no registry
	@cd requirements && for name in dev client courier sam soak docs sbom bench audit lambda; do $(LOCK) $$name.in --output-file $$name.txt || exit 1; done
	@cd requirements && $(LOCK) --constraint dev.txt run.in --output-file run.txt
	@cd requirements && $(LOCK) --resolution lowest-direct ../client/pyproject.toml --extra dongle --output-file lowest.txt
	@cd shared && $(LOCK) --constraint ../requirements/dev.txt requirements.in --output-file requirements.txt

.venv/installed: requirements/run.txt
	@$(call new_venv,.venv)
	@$(call install,.venv,run,shared client admin)

# What tests, checks and builds, in the same environment: its versions of what runs are the same.
.venv/tools: .venv/installed requirements/dev.txt
	@sed -n '/^uv==/,/[^\\]$$/p' requirements/dev.txt | .venv/bin/python -m pip install --quiet \
		--disable-pip-version-check --require-hashes --no-deps -r /dev/stdin
	@$(call install,.venv,dev,shared client admin)

.venv-sam/installed: requirements/sam.txt
	@$(call new_venv,.venv-sam)
	@$(call install,.venv-sam,sam)

.venv-soak/installed: requirements/soak.txt
	@$(call new_venv,.venv-soak)
	@$(call install,.venv-soak,soak,shared client)

.venv-docs/installed: requirements/docs.txt
	@$(call new_venv,.venv-docs)
	@$(call install,.venv-docs,docs)

.venv-lambda/installed: requirements/lambda.txt
	@$(call new_venv,.venv-lambda)
	@$(call install,.venv-lambda,lambda)

.venv-bench/installed: requirements/bench.txt
	@$(call new_venv,.venv-bench)
	@$(call install,.venv-bench,bench)

.venv-audit/installed: requirements/audit.txt
	@$(call new_venv,.venv-audit)
	@$(call install,.venv-audit,audit)

.venv-sbom/installed: requirements/sbom.txt
	@$(call new_venv,.venv-sbom)
	@$(call install,.venv-sbom,sbom)

%/node_modules/.package-lock.json: %/package-lock.json
	@command -v npm >/dev/null || { echo "This needs npm. Debian: apt install npm; macOS: brew install node" >&2; exit 1; }
	@cd $* && npm ci --silent
	@touch $@

# An environment without `installed` was interrupted, and is made again from nothing: pip takes half a package for a whole one.
# On Debian and Ubuntu, the module that installs pip into an environment is a separate package.
define new_venv
	[ -e $(1)/installed ] || rm -rf $(1); \
	test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed and was not found." >&2; exit 1; }; \
	$(PYTHON) -m venv $(1) >/dev/null 2>&1 \
		|| { [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null \
			&& rm -rf $(1) && $(PYTHON) -m venv $(1) >/dev/null; } \
		|| { rm -rf $(1); echo "Python's venv is not whole here. Debian, Ubuntu: apt install python3-venv" >&2; exit 1; }
endef

# $(1) the environment, $(2) its lock file, $(3) our folders that it imports from. uv, which .venv/tools brings, takes a
# twentieth of pip's time; pip finds packages where uv does not, as it alone reads pip's settings.
define install
	echo "Installing $$(grep -c '^[a-z].*==' requirements/$(2).txt) packages in $(1). This happens once, and can take a minute." >&2; \
	rm -f $(1)/installed $@ && \
	{ .venv/bin/uv pip install --quiet --python $(1)/bin/python --require-hashes --no-deps \
		-r requirements/$(2).txt 2>/dev/null || \
	$(1)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
		-r requirements/$(2).txt; } && \
	printf '%s\n' $(patsubst %,"$(CURDIR)/%",$(3)) \
		> "$$($(1)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/keyferry.pth" && \
	touch $(1)/installed $@
endef

chromium:
	@command -v chromium-headless-shell chromium chromium-browser google-chrome >/dev/null || \
		{ [ "$$(id -u)" = 0 ] && apt-get update -qq && \
			{ apt-get install -y -qq chromium-headless-shell || apt-get install -y -qq chromium; } >/dev/null; } || \
		{ echo "The browser tests need Chromium. Debian: apt install chromium; macOS: brew install --cask chromium" >&2; exit 1; }

softhsm:
	@command -v softhsm2-util >/dev/null || \
		{ [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -y -qq softhsm2 >/dev/null; } || \
		{ echo "The dongle tests need SoftHSM. Debian: apt install softhsm2; macOS: brew install softhsm" >&2; exit 1; }

qemu:
	@command -v qemu-aarch64-static >/dev/null || \
		{ [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -y -qq --no-install-recommends qemu-user-static >/dev/null; } || \
		{ echo "The functions on arm64 need qemu. Debian: apt install qemu-user-static" >&2; exit 1; }
