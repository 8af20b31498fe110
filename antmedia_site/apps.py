from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "antmedia_site"

    def ready(self) -> None:
        from antmedia_site import checks  # noqa: F401  registers them
