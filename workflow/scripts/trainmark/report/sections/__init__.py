"""The report's sections: sentences, figures and tables."""
