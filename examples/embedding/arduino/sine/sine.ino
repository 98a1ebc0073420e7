/* A network on a microcontroller: an LED that swells and fades by a sine that a network has learnt.
 *
 * sine_network.h is what train.py beside it has written. It is C++ too, needs no library, allocates nothing and keeps
 * nothing. Boards without a floating-point unit take longer, and boards of the AVR family copy its constants to RAM,
 * under 600 bytes here. Without LED_BUILTIN, choose a pin. */

#include "sine_network.h"

const float TURN = 6.2831853f;
const unsigned long PERIOD = 4000; /* ms */

void setup() {
    Serial.begin(115200);
    pinMode(LED_BUILTIN, OUTPUT);
}

void loop() {
    float angle[SINE_INPUTS] = {TURN * (float)(millis() % PERIOD) / (float)PERIOD};
    float height[SINE_OUTPUTS];

    const unsigned long start = micros();
    sine_predict(angle, height);
    const unsigned long taken = micros() - start;

    const float light = 127.5f + 127.5f * height[0];
    analogWrite(LED_BUILTIN, light < 0.0f ? 0 : light > 255.0f ? 255 : (int)light);
    Serial.print(height[0]);
    Serial.print(" in microseconds: ");
    Serial.println(taken);
    delay(20);
}
