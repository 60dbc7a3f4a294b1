from flask import Blueprint

blueprint = Blueprint("api_openapi", __name__, url_prefix="/api/v1")
