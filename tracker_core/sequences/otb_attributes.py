OTB_ATTRIBUTES: dict[str, tuple[str, ...]] = {}
