// The program of a Lambda function's zip file: the simple steps. The linker leaves out what only the others need.
#include "app/function_program.h"
#include "steps/simple_steps.h"

int main() {
  return tillite::run_function_program({.steps = tillite::simple_steps(), .elsewhere = tillite::kStepsOfTheImage});
}
