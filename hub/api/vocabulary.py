from flask import Blueprint

blueprint = Blueprint("api_vocabulary", __name__, url_prefix="/api/v1")
