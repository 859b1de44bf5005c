// The program of a Lambda function's image, and of functions on a laptop: all steps.
#include "app/function_program.h"

int main() { return tillite::run_function_program({.steps = tillite::all_steps()}); }
