from flask import Blueprint

from hub.web.i18n import PREFIX

blueprint = Blueprint("home", __name__, url_prefix=PREFIX)
