/* Posts the provider's form at once; without scripts its button does. */
document.getElementById("provider-form").submit()
