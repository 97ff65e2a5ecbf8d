// The API answers no other origin, so that nothing can be tried from here; and
// nobody else is asked whether the document is valid: tests do that.
SwaggerUIBundle({
  url: "../openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  supportedSubmitMethods: [],
  validatorUrl: null,
  defaultModelsExpandDepth: 0,
});
