import pytest

from hub import settings
from hub.errors import SettingError


def load(tmp_path, **environ):
    return settings.load({"HUB_VAR": str(tmp_path), **environ})


def test_the_defaults_need_no_server(tmp_path):
    found = load(tmp_path)
    assert found.search_engine == "embedded"
    assert found.database == f"sqlite:///{tmp_path / 'hub.db'}"
    assert found.secret_key == ""
    assert found.model is None


def test_the_file_of_set_up_is_read_and_the_environment_wins(tmp_path):
    (tmp_path / settings.ENV_FILE).write_text("# secrets\nHUB_SECRET_KEY=from the file\nHUB_DEMO=1\n")
    assert load(tmp_path).secret_key == "from the file"
    assert load(tmp_path).demo
    assert load(tmp_path, HUB_SECRET_KEY="from outside").secret_key == "from outside"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HUB_SEARCH_ENGINE", "solr"),
        ("HUB_DATABASE_URL", "mysql://host/hub"),
        ("HUB_DEMO", "maybe"),
        ("HUB_LINK_TTL_S", "an hour"),
        ("HUB_PROCESSES", "0"),
        ("HUB_PROCESSES", "two"),
        ("HUB_SESSION_TTL_S", "-1"),
        ("HUB_LOG_LEVEL", "LOUD"),
        ("HUB_PUBLIC_URL", "hub.example.org"),
        ("HUB_METRICS_TOKEN", "fifteen letters"),
        ("HUB_SEARCH_LOG_SAMPLE", "1.1"),
        ("HUB_SEARCH_LOG_SAMPLE", "nan"),
        ("HUB_SEARCH_LOG_SAMPLE", "some"),
        ("HUB_SERACH_ENGINE", "embedded"),
    ],
)
def test_a_bad_value_stops_the_start_and_names_itself(tmp_path, name, value):
    with pytest.raises(SettingError) as caught:
        load(tmp_path, **{name: value})
    assert caught.value.name == name


def test_elasticsearch_needs_its_address(tmp_path):
    with pytest.raises(SettingError, match="HUB_ELASTICSEARCH_URL"):
        load(tmp_path, HUB_SEARCH_ENGINE="elasticsearch")


def test_secrets_are_not_in_the_printed_settings(tmp_path):
    shown = repr(
        load(
            tmp_path,
            HUB_SECRET_KEY="hush",
            HUB_DATABASE_URL="postgresql+psycopg://u:hush@h/db",
            HUB_METRICS_TOKEN="hush" * 4,
        )
    )
    assert "hush" not in shown


def test_a_broken_line_of_the_file_is_named(tmp_path):
    (tmp_path / settings.ENV_FILE).write_text("HUB_DEMO=1\nnonsense\n")
    with pytest.raises(SettingError, match="line 2"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("url", "sender", "named"),
    [
        ("http://mail.example", "hub@network.example", "HUB_SMTP_URL"),
        ("smtp://", "hub@network.example", "HUB_SMTP_URL"),
        ("smtp://mail.example:0", "hub@network.example", "HUB_SMTP_URL"),
        ("smtp://mail.example:many", "hub@network.example", "HUB_SMTP_URL"),
        ("smtp://mail.example?starttls=perhaps", "hub@network.example", "HUB_SMTP_URL"),
        ("smtp://mail.example/path", "hub@network.example", "HUB_SMTP_URL"),
        ("smtp://mail.example", "", "HUB_MAIL_FROM"),
        ("smtp://mail.example", "the hub", "HUB_MAIL_FROM"),
        ("smtp://mail.example", "Hub <hub@network.example\r\nBcc: x@evil.example>", "HUB_MAIL_FROM"),
    ],
)
def test_a_mail_server_that_cannot_be_meant_stops_the_start(tmp_path, url, sender, named):
    with pytest.raises(SettingError) as caught:
        load(tmp_path, HUB_SMTP_URL=url, HUB_MAIL_FROM=sender)
    assert caught.value.name == named


def test_the_password_of_the_mail_server_is_not_printed(tmp_path):
    found = load(tmp_path, HUB_SMTP_URL="smtps://hub:hush@mail.example", HUB_MAIL_FROM="Hub <hub@network.example>")
    assert "hush" not in repr(found)
