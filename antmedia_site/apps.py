from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "antmedia_site"
