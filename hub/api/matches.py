from flask import Blueprint

blueprint = Blueprint("api_matches", __name__, url_prefix="/api/v1")
