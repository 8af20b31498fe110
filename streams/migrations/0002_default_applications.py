"""The applications that Ant Media's own clients and examples know by name."""

from django.db import migrations

NAMES = ("WebRTCAppEE", "LiveApp", "WebRTCApp4")


def add_applications(apps, schema_editor):
    application = apps.get_model("streams", "Application")
    for name in NAMES:
        application.objects.using(schema_editor.connection.alias).get_or_create(
            name=name
        )


class Migration(migrations.Migration):
    dependencies = [("streams", "0001_initial")]

    operations = [
        migrations.RunPython(add_applications, migrations.RunPython.noop),
    ]
