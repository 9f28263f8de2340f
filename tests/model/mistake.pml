/* A mistake is chosen by $MISTAKE when the verifier starts; 0 or none: the protocol as it is. */
c_decl {
  static int rg_mistake = 0;
  __attribute__((constructor)) static void choose_mistake(void) {
    const char *text = getenv("MISTAKE");
    if (text) rg_mistake = atoi(text);
  }
};

#define MISTAKE(number) c_expr { rg_mistake == number }
