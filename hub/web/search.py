from flask import Blueprint

from hub.web.i18n import PREFIX

blueprint = Blueprint("search", __name__, url_prefix=PREFIX)
