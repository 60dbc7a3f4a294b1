from flask import Blueprint

from hub.web.i18n import PREFIX

blueprint = Blueprint("documents", __name__, url_prefix=PREFIX)
