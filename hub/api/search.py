from flask import Blueprint

blueprint = Blueprint("api_search", __name__, url_prefix="/api/v1")
